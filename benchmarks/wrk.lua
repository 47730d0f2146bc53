-- Asks for random paths of a file; or sends a body with "@@" replaced by a new number, under a new idempotency key.
-- Arguments: file of paths, token or "-", prefix for what must be new, file of the body or "-".
local paths, made, headers, prefix, before, after, count = {}, {}, {}, "", nil, nil, 0

function init(args)
  for line in io.lines(args[1]) do paths[#paths + 1] = line end
  if args[2] ~= "-" then headers["Authorization"] = "Bearer " .. args[2] end
  prefix = args[3]
  math.randomseed(tonumber(prefix))
  if args[4] ~= "-" then
    local file = io.open(args[4])
    local body = file:read("*a")
    file:close()
    local at = body:find("@@", 1, true)
    before, after = body:sub(1, at - 1), body:sub(at + 2)
    headers["Content-Type"] = "application/json"
  end
end

function request()
  local at = math.random(#paths)
  if before then
    count = count + 1
    local new = prefix .. "-" .. count
    headers["Idempotency-Key"] = new
    return wrk.format("POST", paths[at], headers, before .. new .. after)
  end
  local ready = made[at]
  if not ready then
    ready = wrk.format("GET", paths[at], headers)
    made[at] = ready
  end
  return ready
end

function done(summary, latency)
  local e = summary.errors
  local numbers = { summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), latency.max,
    e.connect, e.read, e.write, e.status, e.timeout }
  local names = { "requests", "duration_us", "p50_us", "p99_us", "max_us", "connect", "read", "write", "status", "timeout" }
  local parts = {}
  for at, name in ipairs(names) do parts[at] = string.format('"%s":%d', name, numbers[at]) end
  print("{" .. table.concat(parts, ",") .. "}")
end
