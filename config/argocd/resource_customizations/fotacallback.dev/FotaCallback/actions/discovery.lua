-- What Argo CD offers for a FotaCallback: a check now where checks are made, and the one of suspend and resume that changes something.
local deleting = obj.metadata.deletionTimestamp ~= nil
local suspended = obj.spec.suspend == true
return {
  -- A deletion is worked on although the object is suspended, so asking for another try makes sense.
  reconcile = {disabled = suspended and not deleting},
  suspend = {disabled = suspended or deleting},
  resume = {disabled = not suspended or deleting},
}
