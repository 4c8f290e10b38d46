"""`ecgml promote`, `rollback`, `history`: change the champion version, and record why.

promote           the commands
comparison_input  predictions of challenger and champion on the same records
"""
