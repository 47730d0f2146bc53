import base64
import sys

from snippet import is_ours  # type: ignore[import-not-found]  # the page's lines, beside this file when it runs

for line in sys.stdin:
    secret, id_, at, signature, body = line.rstrip("\n").split("\t")
    given = {"webhook-id": id_, "webhook-timestamp": at, "webhook-signature": signature}
    headers = {name: value for name, value in given.items() if value != "-"}
    print(str(is_ours(secret, headers, base64.b64decode(body))).lower())  # noqa: T201  # its answer
