-- The language server, for Neovim 0.11 and newer, which looks for it here after `vim.lsp.enable("ppc")`.
return {
  cmd = { "ppc", "lsp" },
  filetypes = { "ppd" },
  root_markers = { "pyproject.toml", ".git" },
}
