"""What ``ansible-doc`` shows of the action: it runs on the controller, and has no module."""

DOCUMENTATION = r"""
module: bindings
short_description: Make the TLS bindings of HTTP.SYS what an sslbind registry says
description:
  - Reads the server, changes what differs with C(netsh http), and reads it again. Only what was
    read back counts, whatever netsh answers.
  - Runs on the controller, where sslbind is. The server needs neither Python nor a module of its
    own.
  - Windows servers are reached through C(ansible.windows.win_command), from the collection
    C(ansible.windows); others, which have a C(netsh) of their own, by the connection itself.
version_added: "0.1.0"
author: [sslbind contributors]
options:
  registry:
    description:
      - The registry (TOML) on the controller that the server is to follow; a relative path is
        relative to the playbook.
      - The inventory of C(sslbind targets --format ansible) has it as C(sslbind_registry).
    type: path
    required: true
  prune:
    description:
      - Delete bindings that only the server has, if the registry has a binding of the same owner
        (appid). Bindings of other owners are never touched.
    type: bool
    default: false
  limit:
    description:
      - Fail, before anything is written, if more than this share of the server's bindings would
        change or go. Servers with fewer than 10 bindings have no limit.
    type: str
    default: 30%
attributes:
  check_mode:
    description: The server is read, and what would change is returned.
    support: full
  diff_mode:
    description: The bindings that change, before and after, one value a line.
    support: full
  platform:
    description: Windows Server 2008 and later.
    platforms: windows
    support: full
"""

EXAMPLES = r"""
- name: Bindings as the registry has them, a canary first, then five servers at a time
  hosts: front
  gather_facts: false
  serial: [1, 5]
  max_fail_percentage: 0
  tasks:
    - name: HTTP.SYS follows the registry
      sslbind.windows.bindings:
        registry: "{{ sslbind_registry }}"
"""

RETURN = r"""
status:
  description: >-
    What became of the server: C(unchanged), C(changes) (in check mode), C(done), C(incomplete),
    C(moved-on), C(refused), C(unreachable), C(unreadable) or C(unknown).
  returned: always
  type: str
changes:
  description: What was to be changed, as C(sslbind plan --format json) has it.
  returned: if the server could be read
  type: list
  elements: dict
missing:
  description: What should be there and was not read back.
  returned: always
  type: list
  elements: str
notes:
  description: What no netsh line carries, what only the server has, and the like.
  returned: always
  type: list
  elements: dict
"""
