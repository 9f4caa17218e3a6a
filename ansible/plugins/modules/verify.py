#!/usr/bin/python
# Copyright: the pullpass contributors
# MIT or Apache-2.0, at your choice

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r'''
module: verify
short_description: Prove that images will be pulled, or say why they will not
description:
  - Does what a pull does, up to the manifest, with the login that each engine of this user would send, and again without one. Is
    the token alive, does it open the image, would the image open with no login at all?
  - Changes nothing.
extends_documentation_fragment: [pullpass.registry.options]
options:
  images:
    description: The images, as C(ghcr.io/octo-org/app:v1).
    type: list
    elements: str
    required: true
  fail:
    description: Whether the task fails when an image does not open, or could not be asked for. Without it the results say so.
    type: bool
    default: true
  engines:
    description: Whose logins; those of the engines that are installed without it.
  wait:
    description: For how long to ask again while time can change the answer, as C(5m).
    type: str
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
- name: The host opens what it runs
  pullpass.registry.verify:
    images: [ghcr.io/octo-org/app:v1, ghcr.io/octo-org/worker:v1]
  become: true
  become_user: deploy
'''

RETURN = r'''
opens:
  description: Whether every image opens for every engine.
  returned: success
  type: bool
images:
  description: What C(pullpass verify --json) says of each image, with its C(verdict).
  returned: always
  type: list
  elements: dict
'''

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.pullpass.registry.plugins.module_utils.pullpass import COMMON, Pullpass


def main():
    module = AnsibleModule(
        argument_spec=dict(
            COMMON,
            images=dict(type='list', elements='str', required=True),
            fail=dict(type='bool', default=True),
            wait=dict(type='str'),
        ),
        supports_check_mode=True,
    )
    params = module.params
    pullpass = Pullpass(module)
    words = pullpass.engines() + (['--wait=' + params['wait']] if params['wait'] else [])
    answer, images, bad = pullpass.verify(params['images'], words)
    if params['fail'] and answer.rc != 0:
        module.fail_json(msg='\n'.join(bad) or answer.error, rc=answer.rc, images=images)
    module.exit_json(changed=False, opens=answer.rc == 0, images=images)


if __name__ == '__main__':
    main()
