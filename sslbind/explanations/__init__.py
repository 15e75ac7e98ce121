"""What ``sslbind explain`` knows: codes, events, alerts, browsers' errors, rules, tags, owners.

A new code is a row in the module of its sort; its causes and fixes are a ``Fault``, which
codes of several sorts can share.
"""
