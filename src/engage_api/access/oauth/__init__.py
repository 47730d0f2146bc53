"""The authorization server: clients get tokens, end them and ask about them (RFC 6749, 7009, 7662)."""
