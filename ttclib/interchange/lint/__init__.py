"""Signs that samples are not what they seem."""
def lint_import(read, grades):
    return []
