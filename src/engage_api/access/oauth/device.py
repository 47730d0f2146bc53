"""The device grant (RFC 8628), decided by Authlib: a program without a browser shows a code, and somebody says yes to
it elsewhere.
"""

from typing import Any

from authlib.oauth2.rfc6749 import InvalidGrantError, InvalidScopeError
from authlib.oauth2.rfc8628 import DeviceAuthorizationEndpoint, DeviceCodeGrant

from engage_api.access.oauth.devices import INTERVAL, WAITS, Device, new_code
from engage_api.access.oauth.forms import WITH_NONE, Asked, Refused
from engage_api.access.oauth.grants import require_may
from engage_api.core import secret

BEGIN = DeviceAuthorizationEndpoint.ENDPOINT_NAME
KIND = "device"  # of secret, as it says itself
PAGE = "/device"  # path


class DeviceAuthorization(DeviceAuthorizationEndpoint):  # type: ignore[misc]  # Authlib has no types
    """The beginning: two codes, one for the program and one for people."""

    CLIENT_AUTH_METHODS = WITH_NONE
    EXPIRES_IN, INTERVAL = int(WAITS.total_seconds()), INTERVAL

    def authenticate_client(self, request: Asked) -> Any:
        client = super().authenticate_client(request)
        if client.barred is not None:
            raise Refused("unauthorized_client", client.barred)
        if self.server.found.workspace is None:
            raise Refused("invalid_target", "The client gets no token for this resource.")
        if client.get_allowed_scope(request.payload.scope) is None:
            raise InvalidScopeError
        return client

    def generate_device_code(self) -> str:
        return secret.make("live" if self.server.client.live else "test", KIND).reveal()

    def generate_user_code(self) -> str:
        return new_code()

    def get_verification_uri(self) -> str:
        return f"{self.server.base_url}{PAGE}"

    def save_device_credential(self, _: str, scope: str | None, data: dict[str, Any]) -> None:
        words = self.server.client.get_allowed_scope(scope)
        self.server.begun = data["device_code"], data["user_code"], words


class DeviceCode(DeviceCodeGrant):  # type: ignore[misc]
    """The end: the program asks again and again, until somebody has said yes or no."""

    TOKEN_ENDPOINT_AUTH_METHODS = WITH_NONE

    def query_device_credential(self, _: str) -> Device:
        device: Device | None = self.server.found.device
        self.request.client = self.server.client
        require_may(self)
        if device is None or device.redeemed:
            raise InvalidGrantError
        return device

    def query_user_grant(self, _: str) -> tuple[str, bool] | None:
        device: Device = self.server.found.device
        if not device.decided:
            return None
        if device.allowed is None:
            return "", False
        if device.allowed.is_expired() or not device.allowed.scope:  # taken back, or less may be done meanwhile
            raise InvalidGrantError
        return device.allowed.account, True

    def should_slow_down(self, device: Device) -> bool:
        return device.hurried
