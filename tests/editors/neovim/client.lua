-- What Neovim makes of the language server: opens $PPD_FILE, does what a person would do with the keys, and writes what
-- came of it to $PPD_ANSWER as JSON. Each step waits for its effect.

local found = {}
local PATIENCE_MS = 120000

local function await(what, ready)
  assert(vim.wait(PATIENCE_MS, ready, 20), "waited in vain for " .. what)
end

local function lines()
  return vim.api.nvim_buf_get_lines(0, 0, -1, false)
end

-- Puts the cursor on a word, at its first appearance.
local function go_to(word)
  for number, line in ipairs(lines()) do
    local column = line:find(word, 1, true)
    if column then
      vim.api.nvim_win_set_cursor(0, { number, column - 1 })
      return
    end
  end
  error("there is no " .. word)
end

local function replace(old, new)
  go_to(old)
  local row, column = unpack(vim.api.nvim_win_get_cursor(0))
  vim.api.nvim_buf_set_text(0, row - 1, column, row - 1, column + #old, { new })
end

local function where()
  local row, column = unpack(vim.api.nvim_win_get_cursor(0))
  return { file = vim.fn.expand("%:t"), line = row, column = column + 1 }
end

local function follow(word)
  go_to(word)
  local before = where()
  vim.lsp.buf.definition()
  await("the definition of " .. word, function()
    return not vim.deep_equal(where(), before)
  end)
  return where()
end

local function floating()
  for _, window in ipairs(vim.api.nvim_list_wins()) do
    if vim.api.nvim_win_get_config(window).relative ~= "" then
      return window
    end
  end
end

local function steps()
  vim.o.swapfile = false
  vim.cmd("filetype plugin indent on")
  vim.cmd("edit " .. vim.fn.fnameescape(vim.env.PPD_FILE))
  found.filetype = vim.bo.filetype
  local config = dofile(vim.env.PPD_VIM .. "/lsp/ppc.lua")
  assert(vim.tbl_contains(config.filetypes, vim.bo.filetype))
  local folder = vim.fn.fnamemodify(vim.env.PPD_FILE, ":h")
  local client = vim.lsp.start_client({ name = "ppc", cmd = config.cmd, root_dir = folder })
  vim.lsp.buf_attach_client(0, client)
  local buffer = vim.api.nvim_get_current_buf()

  await("diagnostics", function()
    return #vim.diagnostic.get(buffer) > 0
  end)
  found.diagnostics = {}
  for _, each in ipairs(vim.diagnostic.get(buffer)) do
    local place = { line = each.lnum + 1, column = each.col + 1, last = each.end_col }
    table.insert(found.diagnostics, vim.tbl_extend("error", place, { message = each.message, source = each.source }))
  end
  replace("lod", "load")
  await("the fault to be gone", function()
    return #vim.diagnostic.get(buffer) == 0
  end)

  found.task = follow("raw, ")
  vim.api.nvim_set_current_buf(buffer)
  found.callable = follow("load(")
  vim.api.nvim_set_current_buf(buffer)

  go_to("retries")
  vim.lsp.buf.hover()
  await("the hover", floating)
  found.hover = vim.api.nvim_buf_get_lines(vim.api.nvim_win_get_buf(floating()), 0, -1, false)
  vim.api.nvim_win_close(floating(), true)

  go_to("raw")
  vim.lsp.buf.rename("orders")
  await("the new name", function()
    return lines()[4]:find("orders", 1, true) ~= nil
  end)
  found.renamed = lines()

  go_to("retries")
  local place = vim.lsp.util.make_position_params(0, "utf-16")
  place.position.character = place.position.character + #"ret"
  local answers = assert(vim.lsp.buf_request_sync(buffer, "textDocument/completion", place, PATIENCE_MS))
  local answer = assert(answers[client].result, vim.inspect(answers))
  found.completion = {}
  for _, item in ipairs(answer.items or answer) do
    table.insert(found.completion, item.label)
  end

  vim.lsp.stop_client(client)
  await("the server to end", function()
    return vim.lsp.client_is_stopped(client)
  end)
end

local sound, fault = xpcall(steps, debug.traceback)
found.fault = not sound and fault or nil
vim.fn.writefile({ vim.fn.json_encode(found) }, vim.env.PPD_ANSWER)
vim.cmd("qall!")
