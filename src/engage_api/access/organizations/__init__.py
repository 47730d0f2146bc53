"""The parties: who has applications, sandboxes and a plan."""
