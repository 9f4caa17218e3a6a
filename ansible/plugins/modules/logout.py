#!/usr/bin/python
# Copyright: the pullpass contributors
# MIT or Apache-2.0, at your choice

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r'''
module: logout
short_description: Remove a registry's login from every store, and prove that it is gone
description:
  - Removes it from every file that Docker and Podman read, under every spelling of the registry, and from the credential
    helpers that they would ask. Then all of them are asked again. Other logins stay.
  - It works on the stores of the user that the task runs as, so use C(become_user) for another one.
extends_documentation_fragment: [pullpass.registry.options]
options:
  registry:
    description: The registry, or the part of one that has a login of its own for Podman.
    type: str
    default: ghcr.io
attributes:
  check_mode:
    support: full
    description: Says what would be removed.
  diff_mode:
    support: full
    description: The keys that are removed.
author: The pullpass contributors
'''

EXAMPLES = r'''
- name: This host pulls nothing private any more
  pullpass.registry.logout:
    registry: ghcr.io
  become: true
  become_user: deploy
'''

RETURN = r'''
account:
  description: The user of the host as whom the task ran.
  returned: success
  type: str
removed:
  description: Files and credential helpers, and the keys that were removed from each.
  returned: success
  type: list
  elements: dict
  sample:
    - {path: /home/deploy/.docker/config.json, keys: [ghcr.io]}
'''

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.pullpass.registry.plugins.module_utils.pullpass import COMMON, Pullpass, account


def main():
    module = AnsibleModule(
        argument_spec=dict(COMMON, registry=dict(type='str', default='ghcr.io')),
        supports_check_mode=True,
    )
    pullpass = Pullpass(module)
    words = ['logout', '--json'] + pullpass.engines() + (['--dry-run'] if module.check_mode else [])
    answer = pullpass.run(words + ['--', module.params['registry']])
    removed = answer.data['removed'] if answer.data else []
    if answer.rc != 0:
        module.fail_json(msg=answer.error, rc=answer.rc, removed=removed, changed=bool(removed))
    result = dict(changed=bool(removed), removed=removed, account=account())
    if module._diff:
        result['diff'] = [difference(store) for store in removed]
    module.exit_json(**result)


def difference(store):
    where = store.get('path') or 'the credential helper `%s`' % store['helper']
    return dict(before_header=where, after_header=where, before=''.join(key + '\n' for key in store['keys']), after='')


if __name__ == '__main__':
    main()
