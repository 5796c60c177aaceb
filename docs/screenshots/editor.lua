-- Neovim as it is in editor.png: opens $PPD_FILE, types a mistake into it, and asks what `summarise` is. When all of it
-- is on the screen, it makes the file $PPD_READY.

local colours = {
  Normal = { fg = "#d5deea", bg = "#0f1722" },
  NormalFloat = { fg = "#d5deea", bg = "#162232" },
  FloatBorder = { fg = "#4a627f", bg = "#162232" },
  LineNr = { fg = "#45566c" },
  CursorLine = { bg = "#152030" },
  CursorLineNr = { fg = "#9fb4cf" },
  SignColumn = { bg = "#0f1722" },
  StatusLine = { fg = "#d5deea", bg = "#1d2c40" },
  EndOfBuffer = { fg = "#0f1722" },
  Comment = { fg = "#6d8199", italic = true },
  Statement = { fg = "#c792ea" },
  Function = { fg = "#82aaff" },
  Identifier = { fg = "#8fd3d1" },
  Constant = { fg = "#f4b183" },
  Boolean = { fg = "#f4b183" },
  Number = { fg = "#f4b183" },
  String = { fg = "#a5d68c" },
  Special = { fg = "#ffcb6b" },
  SpecialChar = { fg = "#ffcb6b" },
  Operator = { fg = "#89ddff" },
  Type = { fg = "#ffcb6b" },
  Title = { fg = "#82aaff", bold = true },
  DiagnosticError = { fg = "#ff7b85" },
  DiagnosticVirtualTextError = { fg = "#ff7b85", bg = "#2a1a24" },
  DiagnosticUnderlineError = { fg = "#ff7b85", underline = true },
}

vim.o.termguicolors = true
vim.o.swapfile = false
vim.o.number = true
vim.o.signcolumn = "yes"
vim.o.cursorline = true
vim.o.laststatus = 2
vim.o.showmode = false
vim.o.ruler = false
vim.o.shortmess = vim.o.shortmess .. "F"
vim.o.statusline = "  %t %m%=ppd   ppc lsp   %l:%c  "
vim.cmd("filetype plugin indent on")
vim.cmd("syntax on")
for name, colour in pairs(colours) do
  vim.api.nvim_set_hl(0, name, colour)
end
vim.fn.sign_define("DiagnosticSignError", { text = "●", texthl = "DiagnosticError" })
vim.diagnostic.config({
  virtual_text = {
    prefix = "■",
    format = function(fault)
      return fault.message:match("[^\n]+")
    end,
  },
})
vim.lsp.handlers["textDocument/hover"] =
  vim.lsp.with(vim.lsp.handlers.hover, { border = "rounded", max_width = 84, focusable = false })

local function await(ready)
  assert(vim.wait(60000, ready, 20), "waited in vain")
end

local function go_to(text, inside)
  local line = vim.fn.search("\\V" .. text, "w")
  vim.api.nvim_win_set_cursor(0, { line, vim.fn.getline(line):find(inside, 1, true) - 1 })
end

local function ask()
  vim.lsp.buf.hover()
  await(function()
    return #vim.api.nvim_list_wins() > 1
  end)
  vim.cmd("redraw!")
  vim.fn.writefile({}, vim.env.PPD_READY)
end

local function show()
  vim.cmd("edit " .. vim.fn.fnameescape(vim.env.PPD_FILE))
  local client = vim.lsp.start_client({ name = "ppc", cmd = { "ppc", "lsp" }, root_dir = vim.fn.expand("%:h") })
  vim.lsp.buf_attach_client(0, client)
  vim.cmd([[silent %s/y2014, y2015\]/y2014, y2016]/]])
  vim.cmd("nohlsearch")
  await(function()
    return #vim.diagnostic.get(0) > 0
  end)
  go_to("defaults", "defaults")
  vim.cmd("normal! zt")
  -- Whatever floats goes away when the cursor has moved; so that has to be over before.
  vim.api.nvim_create_autocmd("CursorMoved", { once = true, callback = vim.schedule_wrap(ask) })
  go_to("task y2013", "summarise")
end

vim.api.nvim_create_autocmd("VimEnter", { callback = vim.schedule_wrap(show) })
