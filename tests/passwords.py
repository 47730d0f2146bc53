"""The passwords of those who sign up in tests."""

PASSWORD = "violet tram ladder quince"
ANOTHER = "harbour onion seven kites"
