-- nvim-dap as a client: NVIM_DAP is its folder, FILE what is debugged, LINE of the breakpoint, SEEN where it is told.
vim.opt.rtp:prepend(vim.env.NVIM_DAP)
local dap, repl, widgets = require("dap"), require("dap.repl"), require("dap.ui.widgets")
local MOST = 20000 -- milliseconds until something is taken to have failed

-- as the manual says it
dap.adapters.bpdebug = { type = "executable", command = "bpdebug", args = { "dap" } }
dap.configurations.toml = { { type = "bpdebug", request = "launch", name = "graph", program = "${file}" } }

local seen, reasons = {}, {}
dap.listeners.after.event_stopped["seen"] = function(_, body)
  table.insert(reasons, body.reason)
end

local function wait(what, done)
  assert(vim.wait(MOST, done, 10), "nothing came of " .. what)
end

-- Does something that moves the session: why it stopped, the frame, and the line that the cursor is put on.
local function move(name, does)
  local before, session = #reasons, dap.session()
  if session then
    session.current_frame = nil
  end
  does()
  wait(name, function()
    return #reasons > before and dap.session() and dap.session().current_frame
  end)
  wait(name, function()
    return vim.api.nvim_win_get_cursor(0)[1] == dap.session().current_frame.line
  end)
  seen[name] = { reasons[#reasons], dap.session().current_frame.name, vim.api.nvim_win_get_cursor(0)[1] }
end

local function text_of(wanted)
  for _, buffer in ipairs(vim.api.nvim_list_bufs()) do
    local text = table.concat(vim.api.nvim_buf_get_lines(buffer, 0, -1, false), "\n")
    if wanted(buffer, text) then
      return text
    end
  end
end

local function in_repl()
  return text_of(function(buffer)
    return vim.bo[buffer].filetype == "dap-repl"
  end) or ""
end

local function typed(line)
  repl.execute(line)
  wait(line, function()
    local _, last = in_repl():find(".*dap> " .. line)
    seen[line] = last and vim.trim(in_repl():sub(last + 1))
    return seen[line] and seen[line] ~= ""
  end)
end

local function walked()
  vim.cmd.edit(vim.env.FILE)
  seen.filetype = vim.bo.filetype
  vim.api.nvim_win_set_cursor(0, { tonumber(vim.env.LINE), 0 })
  dap.toggle_breakpoint()
  move("run", dap.continue)
  for _, name in ipairs({ "continue", "continue", "step_back", "reverse_continue", "step_into", "step_over", "step_out" }) do
    move(seen[name] and name .. " again" or name, dap[name])
  end
  repl.open(nil, "belowright split")
  move(".rc", function()
    repl.execute(".rc")
  end)
  move("seek", function()
    repl.execute("seek Y@bwd")
  end)
  typed("print dW2")
  typed("lens")
  widgets.sidebar(widgets.scopes).open()
  wait("scopes", function()
    seen.scopes = text_of(function(_, text)
      return text:find("Contributions", 1, true) and text:find("∂W2", 1, true)
    end)
    return seen.scopes
  end)
  dap.terminate()
  wait("terminate", function()
    return dap.session() == nil
  end)
  seen.terminated = true
end

vim.cmd("filetype on")
local well, problem = pcall(walked)
seen.problem = well and "" or tostring(problem)
vim.fn.writefile({ vim.json.encode(seen) }, vim.env.SEEN)
vim.cmd("qa!")
