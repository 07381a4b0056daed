-- What a user of Neovim does: waits for the findings, looks, takes the preferred fix, saves.
local function wait(until_it_holds)
  assert(vim.wait(30000, until_it_holds, 10), 'the server said nothing')
end
local function report(what)
  io.stdout:write(vim.json.encode(what), '\n')
end

wait(function() return #vim.diagnostic.get(0) > 0 end)
local found = vim.diagnostic.get(0)[1]
report({ code = found.code, line = found.lnum + 1 })
vim.api.nvim_win_set_cursor(0, { found.lnum + 1, found.col })
local client = vim.lsp.get_clients({ bufnr = 0, name = 'cci-migrate' })[1]
local here = vim.lsp.util.make_position_params(0, client.offset_encoding)
report({ hover = client:request_sync('textDocument/hover', here, 30000, 0).result.contents.value })
vim.lsp.buf.code_action({ apply = true, filter = function(action) return action.isPreferred end })
wait(function() return vim.bo.modified end)
wait(function() return #vim.diagnostic.get(0) == 0 end)
vim.cmd('write')
vim.cmd('quitall')
