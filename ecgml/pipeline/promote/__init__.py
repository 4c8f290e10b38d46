"""`ecgml promote`, `rollback`, `history`: which version is champion, why, and the way back.

promote           the commands
comparison_input  what challenger and champion are compared on
"""
