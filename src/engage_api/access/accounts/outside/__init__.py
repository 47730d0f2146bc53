"""Sign-in with an account that people have elsewhere: at one OpenID provider, which the operator has named."""
