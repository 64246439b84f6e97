-- Asks for a check now: any new value of the annotation counts.
local os = require("os")
if obj.metadata.annotations == nil then
  obj.metadata.annotations = {}
end
obj.metadata.annotations["fotacallback.dev/requested-at"] = os.date("!%Y-%m-%dT%XZ")
return obj
