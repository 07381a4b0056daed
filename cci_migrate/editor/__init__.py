"""The language server: findings, explanations and proven fixes of the texts in an editor.

`server` speaks the protocol, `open_files` knows what is open, `config_reviews` examines it; the
others turn a review into what an editor shows: `diagnostics`, `hovers`, `code_actions`.
"""
