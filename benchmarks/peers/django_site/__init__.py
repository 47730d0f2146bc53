"""Django REST framework with django-oauth-toolkit."""
