-- Argo CD's health of a FotaCallback, from its conditions. It uses no library: a customization in argocd-cm has neither string nor math.
local status = obj.status or {}
local conditions = {}
for _, condition in ipairs(status.conditions or {}) do
  conditions[condition.type] = condition
end

local function is(type)
  return conditions[type] ~= nil and conditions[type].status == "True"
end

-- What Ready says is written for people; it speaks of the object as it is only where its generation has been handled.
local handled = status.observedGeneration ~= nil and status.observedGeneration == obj.metadata.generation
local function health(word, otherwise)
  if handled and conditions.Ready ~= nil and conditions.Ready.message ~= nil then
    return {status = word, message = conditions.Ready.message}
  end
  return {status = word, message = otherwise}
end

if obj.metadata.deletionTimestamp ~= nil then
  return health("Progressing", "Being deleted: the operator deregisters the account's URL first")
end
if not handled then
  return health("Progressing", "Waiting for the operator to handle this generation")
end
if obj.spec.suspend == true then
  return health("Suspended", "spec.suspend is true")
end
-- A failure that passes by itself is Reconciling. Only what needs a person is Stalled, and Degraded.
if is("Reconciling") then
  return health("Progressing", "The operator is working on it")
end
if is("Stalled") then
  return health("Degraded", "A person must act")
end
if is("Ready") then
  return health("Healthy", "Registered")
end
return health("Progressing", "Waiting for the operator")
