"""Who may do what: workspaces, organizations, applications, keys, plans, and the guard."""
