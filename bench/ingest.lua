-- For wrk: batches of 100 orders, each with an id that was never sent before.
local template = '{"specversion":"1.0","id":"%s","source":"/partners/webshop",'
  .. '"type":"com.tandem.partner.order.paid.v1","subject":"%s","time":"TIME",'
  .. '"data":{"order_id":"%s","amount":{"amount_minor":1999,"currency":"USD"}}}'
local number, run = 0, ""

function init(arguments)
  run, template = arguments[1], template:gsub("TIME", arguments[2])
  wrk.method = "POST"
  wrk.headers["Content-Type"] = arguments[3]
  wrk.headers["Authorization"] = "Bearer " .. arguments[4]
end

function request()
  local events = {}
  for i = 1, 100 do
    number = number + 1
    local id = run .. "-" .. number
    events[i] = template:format(id, id, id)
  end
  return wrk.format(nil, nil, nil, "[" .. table.concat(events, ",") .. "]")
end
