#!/usr/bin/python
# Copyright: the pullpass contributors
# MIT or Apache-2.0, at your choice

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r'''
module: status
short_description: Which credentials are stored on a host, and which of them the engines use
description:
  - Lists every login in the stores of the user that the task runs as, by kind and fingerprint, never the secret.
  - Changes nothing.
extends_documentation_fragment: [pullpass.registry.options]
options:
  registry:
    description: Only the logins of this registry, or what applies to this image, and which of them each engine uses.
    type: str
  check:
    description: Whether to ask each registry if it still accepts the credential.
    type: bool
    default: false
  github:
    description: Whether to ask api.github.com about GitHub's tokens, for their scopes and their end.
    type: bool
    default: false
  mark_key:
    description: >-
      A key of 64 hexadecimal digits. Every login that is known has a C(mark) then, which P(pullpass.registry.mark#filter) makes of
      the same token and key on the controller.
    type: str
  all_users:
    description: Whether the logins of every user of the host are listed, each with its C(account); takes root.
    type: bool
    default: false
  images:
    description: Images to ask for as each engine would; none fails the task.
    type: list
    elements: str
    aliases: [image]
  copies:
    description: >-
      Whether to list as well what a new login does not reach by itself, because it keeps a token of its own or an older file: k3s and
      RKE2, services of Docker Swarm, running containers.
    type: bool
    default: false
attributes:
  check_mode:
    support: full
    description: It changes nothing either way.
  diff_mode:
    support: none
    description: There is nothing to show.
author: The pullpass contributors
'''

EXAMPLES = r'''
- name: Which token does this host have, and does it live?
  pullpass.registry.status:
    registry: ghcr.io
    check: true
  register: logins

- name: Show its fingerprint
  ansible.builtin.debug:
    msg: "{{ logins.winners | map(attribute='fingerprint') }}"
'''

RETURN = r'''
is_well:
  description: >-
    Whether nothing is wrong: every store could be read, no login was refused, and there is one of the registry that was asked for.
  returned: success
  type: bool
stores:
  description: >-
    Every store with its logins. C(alive) of a login is null when the registry was not asked, C(mark) without O(mark_key) and where
    the secret is not known.
  returned: success
  type: list
  elements: dict
winners:
  description: The login that each engine uses of O(registry), and why; empty without it.
  returned: success
  type: list
  elements: dict
account:
  description: The user of the host as whom the task ran.
  returned: success
  type: str
installed:
  description: The engines that this host has.
  returned: success
  type: list
  elements: str
images:
  description: What C(pullpass verify --json) says of each image.
  returned: when images were given
  type: list
  elements: dict
copies:
  description: >-
    With O(copies), each with its C(kind), C(name), C(path), C(registry), C(mark) where the token can be seen, and the C(command)
    that has it take the new login.
  returned: success
  type: list
  elements: dict
'''

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.pullpass.registry.plugins.module_utils.pullpass import COMMON, Pullpass, account


def main():
    module = AnsibleModule(
        argument_spec=dict(
            COMMON,
            registry=dict(type='str'),
            check=dict(type='bool', default=False),
            github=dict(type='bool', default=False),
            copies=dict(type='bool', default=False),
            # Nobody can make a token of it; Ansible would hide it because of its name.
            mark_key=dict(type='str', no_log=False),
            all_users=dict(type='bool', default=False),
            images=dict(type='list', elements='str', aliases=['image']),
        ),
        # Those are of one user.
        mutually_exclusive=[('all_users', 'config'), ('all_users', 'authfile')],
        supports_check_mode=True,
    )
    params = module.params
    pullpass = Pullpass(module)
    words = ['status', '--json'] + pullpass.engines()
    words += ['--' + option.replace('_', '-') for option in ('check', 'github', 'all_users', 'copies') if params[option]]
    words += ['--mark-key=' + params['mark_key']] if params['mark_key'] else []
    words += ['--', params['registry']] if params['registry'] else []
    answer = pullpass.run(words)
    if answer.data is None:
        module.fail_json(msg=answer.error, rc=answer.rc)
    result = dict((name, answer.data[name]) for name in ('stores', 'winners', 'copies'))
    if params['images']:
        result['images'] = pullpass.verify(params['images'], pullpass.engines())[1]
    installed = [engine for engine in ('docker', 'podman') if module.get_bin_path(engine)]
    module.exit_json(changed=False, is_well=answer.rc == 0, account=account(), installed=installed, **result)


if __name__ == '__main__':
    main()
