"""Deciding on each fix at a terminal.

`session.run` goes through the fixes of some configs with the user, `replay.replay` makes the
decisions of a saved session again, `policy_session.ask_for_policy` asks for a policy file. Only
`prompter` and `keyboard` import questionary and prompt_toolkit, and only inside their functions.
"""
