#!/usr/bin/python
# Copyright: the pullpass contributors
# MIT or Apache-2.0, at your choice

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r'''
module: login
short_description: Log Docker and Podman in to a registry, and prove it
description:
  - Asks the registry first, and writes nothing that it refuses. Then the engines get the login where they read it, in
    their files or in the credential helper that these name, and it is read back as they read it.
  - The registry is asked on every run. C(changed) says that a store was changed; a token that was revoked since fails the
    task, with the cause that C(pullpass doctor) finds.
  - Every other login and setting in those files stays, byte for byte. A file that is malformed is refused and not changed.
  - Files are their owner's alone (0600) afterwards. They belong to the user that the task runs as, so use C(become_user) for
    the user who pulls.
  - The token goes to C(pullpass) over standard input. It is in no command line, environment or temporary file of this
    module, and in no result. Ansible itself hands the module its parameters within the module's code; without pipelining
    that is a file on the host for as long as the task runs, which only the user of the task can read. With
    C(ANSIBLE_PIPELINING=True) there is no such file, which is recommended. Ansible never pipelines what goes through C(su).
  - With C(become_user) of a user who is not root, from a connection as one who is not root either, Ansible cannot always keep
    that file to the two; see "Risks of becoming an unprivileged user" in its manual. Pipelining ends this, too.
extends_documentation_fragment: [pullpass.registry.options]
options:
  registry:
    description:
      - The registry. For Podman it may be a part of one that has a login of its own, C(ghcr.io/octo-org).
    type: str
    default: ghcr.io
  username:
    description: The user whose token it is.
    type: str
    required: true
  password:
    description: The token.
    type: str
    required: true
    aliases: [token]
  engines:
    description:
      - Whose stores get the login. Without it, the engines that are installed; with O(config) that is C(docker), and with
        O(authfile) C(podman).
  persistent:
    description:
      - Podman's login goes where a reboot does not empty it, C(~/.config/containers/auth.json), as services and fleets need
        it. An older login in the runtime file, which would win, is removed.
    type: bool
    default: true
  images:
    description:
      - Images that the login has to open. They are asked for with the token that was given before anything is written, and as
        each engine would afterwards. The task fails when one does not open.
    type: list
    elements: str
    aliases: [image]
  wait:
    description:
      - For how long to ask again while time can change the answer, as C(5m); a token that was made a moment ago may not be
        active everywhere.
    type: str
attributes:
  check_mode:
    support: full
    description: The registry is asked, and nothing is written.
  diff_mode:
    support: full
    description: User and fingerprint of each store's login before and after; never a secret.
author: The pullpass contributors
'''

EXAMPLES = r'''
- name: Log the deploying user in, for services that pull
  pullpass.registry.login:
    username: "{{ iaas_console.ghcr_user }}"
    password: "{{ iaas_console.ghcr_pat }}"
    images: [ghcr.io/octo-org/app:v1]
  become: true
  become_user: deploy

- name: Only Podman, with a file of its own
  pullpass.registry.login:
    username: octocat
    password: "{{ vault_ghcr_token }}"
    authfile: /srv/app/auth.json
'''

RETURN = r'''
account:
  description: The user of the host as whom the task ran.
  returned: success
  type: str
user:
  description: The user at the registry.
  returned: success
  type: str
fingerprint:
  description: What a person sees of the token.
  returned: success
  type: str
  sample: ghp_…x9Qf
proved:
  description: Whether the registry accepted the token; false for one that lets everybody in.
  returned: success
  type: bool
stores:
  description: Where the login is. C(before) has user and fingerprint of the one that was there.
  returned: success
  type: list
  elements: dict
  sample:
    - {engine: docker, path: /home/deploy/.docker/config.json, helper: null, key: ghcr.io, changed: false, before: null}
images:
  description: What C(pullpass verify --json) says of each image.
  returned: when images were given
  type: list
  elements: dict
findings:
  description: What C(pullpass doctor --json) found to be in the way.
  returned: failure
  type: list
  elements: dict
'''

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.pullpass.registry.plugins.module_utils.pullpass import COMMON, Pullpass, account


def main():
    module = AnsibleModule(
        argument_spec=dict(
            COMMON,
            registry=dict(type='str', default='ghcr.io'),
            username=dict(type='str', required=True),
            password=dict(type='str', required=True, no_log=True, aliases=['token']),
            persistent=dict(type='bool', default=True),
            images=dict(type='list', elements='str', aliases=['image']),
            wait=dict(type='str'),
        ),
        supports_check_mode=True,
    )
    params = module.params
    if not params['password'].strip():
        module.fail_json(msg='`password` is empty: nobody was asked and nothing was changed')
    pullpass = Pullpass(module)
    if module.check_mode and pullpass.path is None:
        module.warn('pullpass is not on this host yet: the registry was not asked')
        module.exit_json(changed=True)

    pullpass.refuse_others()
    # An image keeps doctor to the registry that this is about, and the token is shown to no other.
    images = [image for image in params['images'] or [] if image.startswith(params['registry'] + '/')]
    if images:
        prove(module, pullpass, images)
    words = ['login', '--json', '--password-stdin', '--username=' + params['username']] + pullpass.engines()
    words += ['--persistent'] if params['persistent'] else []
    words += ['--wait=' + params['wait']] if params['wait'] else []
    words += ['--dry-run'] if module.check_mode else []
    answer = pullpass.run(words + ['--', params['registry']], params['password'])
    if answer.rc != 0 or answer.data is None:
        pullpass.fail(answer.error, images[0] if images else None, rc=answer.rc)

    result = dict((name, answer.data[name]) for name in ('user', 'fingerprint', 'proved', 'stores'))
    result['account'] = account()
    result['changed'] = any(store['changed'] for store in answer.data['stores'])
    if module._diff:
        result['diff'] = [difference(store, answer.data) for store in answer.data['stores'] if store['changed']]
    if params['images'] and not module.check_mode:
        verify(module, pullpass, result)
    module.exit_json(**result)


def prove(module, pullpass, images):
    """Asks for the images with the token that was given: one that opens less must not take the place of another."""
    words = ['--engine=self', '--password-stdin', '--username=' + module.params['username']]
    words += ['--wait=' + module.params['wait']] if module.params['wait'] else []
    answer, found, bad = pullpass.verify(images, words, module.params['password'])
    if answer.rc != 0:
        said = '\n'.join(bad) or answer.error
        pullpass.fail(said + '\n  nothing was changed', images[0], rc=answer.rc, images=found)


def verify(module, pullpass, result):
    """Asks for the images as the engines do."""
    answer, result['images'], bad = pullpass.verify(module.params['images'], pullpass.engines())
    if answer.rc != 0:
        pullpass.fail('\n'.join(bad) or answer.error, module.params['images'][0], **result)


def difference(store, login):
    """What a store held and holds, without secrets."""
    where = store['path'] or 'the credential helper `%s`' % store['helper']
    line = '%s: %s %s\n'
    before = store['before']
    return dict(
        before_header=where,
        after_header=where,
        before=line % (store['key'], before['user'], before['fingerprint']) if before else '',
        after=line % (store['key'], login['user'], login['fingerprint']),
    )


if __name__ == '__main__':
    main()
