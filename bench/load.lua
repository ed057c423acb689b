-- What wrk sends, by its first argument; the second is the body of every POST.
--
--   echo   POST / with the body, again and again. wrk itself checks the status.
--   lease  on each connection in turn a grant, and then the release of a lease that has been granted: ids wait on a
--          stack. All that is not 201 or 204 counts as failed.
--   minimal  the same with "Prefer: return=minimal".
--
-- It ends with one line of JSON on stdout.

local threads = {}

function setup(thread)
  table.insert(threads, thread)
end

local function drive_leases(body, preference)
  local headers = { ["Content-Type"] = "application/json", ["Prefer"] = preference }
  local grant = wrk.format("POST", "/v1/leases", headers, body)
  -- Older daemons, which bench:before measures as well, refuse a DELETE without a Content-Type.
  local before, after = wrk.format("DELETE", "/v1/leases/@", headers):match("^(.-)@(.*)$")
  local ids, top = {}, 0

  function request()
    if top == 0 then return grant end
    top = top - 1
    return before .. ids[top + 1] .. after
  end

  function response(status, _, answer)
    if status == 201 then
      granted = granted + 1
      top = top + 1
      ids[top] = answer:match('"id":"(%w+)"')
    elseif status == 204 then
      released = released + 1
    else
      failed = failed + 1
      failure = status .. " " .. answer
    end
  end
end

function init(args)
  granted, released, failed, failure = 0, 0, 0, ""
  local mode, body = args[1], args[2]
  if mode == "lease" then
    drive_leases(body)
  elseif mode == "minimal" then
    drive_leases(body, "return=minimal")
  else
    wrk.method, wrk.body = "POST", body
    wrk.headers["Content-Type"] = "application/json"
  end
end

-- User and system time of this process so far, in clock ticks.
local function ticks()
  local file = assert(io.open("/proc/self/stat"))
  local fields = file:read("*a"):match("%) (.*)")
  file:close()
  local user, system = fields:match("^" .. ("%S+ "):rep(11) .. "(%d+) (%d+)")
  return user + system
end

function done(summary)
  local sum = { granted = 0, released = 0, failed = 0 }
  local failure = ""
  for _, thread in ipairs(threads) do
    for name in pairs(sum) do sum[name] = sum[name] + thread:get(name) end
    if thread:get("failure") ~= "" then failure = thread:get("failure") end
  end
  local errors = summary.errors
  local broken = errors.connect + errors.read + errors.write + errors.timeout
  io.write(string.format(
    '{"requests":%d,"micros":%d,"granted":%d,"released":%d,"failed":%d,"failure":"%s","ticks":%d}\n',
    summary.requests, summary.duration, sum.granted, sum.released,
    broken + math.max(errors.status, sum.failed), (failure:gsub('[%c"\\]', " ")), ticks()))
end
