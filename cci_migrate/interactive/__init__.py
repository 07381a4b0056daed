"""Deciding on each fix at a terminal.

`session.run` goes through the fixes of some configs with the user, `replay.replay` does what a
saved session decided, `init.policy_text` asks for a policy file. Only `prompts`
and `keyboard` import questionary and prompt_toolkit, and only inside their functions.
"""
