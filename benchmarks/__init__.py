"""How fast the service is, as ratios to a bare FastAPI route that is measured beside it.

`make bench` (`ROUNDS=5 SECONDS=5`), with other frameworks `make bench PEERS=1`. `python -m benchmarks profile get`
shows where the time of a request goes. Uses wrk and two processors: servers have the first, all else the second.
"""
