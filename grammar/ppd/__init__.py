"""The `.ppd` language itself: its Lark grammar and word lists, read by the compiler and the editors."""
