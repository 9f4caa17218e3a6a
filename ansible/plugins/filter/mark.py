# Copyright: the pullpass contributors
# MIT or Apache-2.0, at your choice

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r'''
name: mark
author: The pullpass contributors
version_added: 0.1.0
short_description: The mark of a token under a key
description:
  - What the module M(pullpass.registry.status) says of a login with the same O(pullpass.registry.status#module:mark_key), so that the
    controller can tell which of its tokens a host has, and no token goes anywhere.
  - The mark is the HMAC-SHA256 of the token in hexadecimal digits. One line end behind the token is none of it, as at login.
positional: key
options:
  _input:
    description: The token.
    type: str
    required: true
  key:
    description: 64 hexadecimal digits, at random for each comparison.
    type: str
    required: true
'''

EXAMPLES = r'''
- name: Make a key for this run
  ansible.builtin.set_fact:
    key: "{{ lookup('ansible.builtin.password', '/dev/null', length=64, chars=['hexdigits']) }}"
  run_once: true

- name: Which token does this host have?
  pullpass.registry.status:
    registry: ghcr.io
    mark_key: "{{ key }}"
  register: logins

- name: It is the token of the inventory
  ansible.builtin.assert:
    that: logins.winners[0].mark == iaas_console.ghcr_pat | pullpass.registry.mark(key)
'''

RETURN = r'''
_value:
  description: 64 lower-case hexadecimal digits.
  type: str
'''

import hashlib
import hmac
import re

from ansible.errors import AnsibleFilterError
from ansible.module_utils.common.text.converters import to_bytes, to_text


def mark(token, key):
    """The HMAC-SHA256 of a token."""
    if token is None:
        raise AnsibleFilterError('there is no token to mark')
    if not re.match('[0-9A-Fa-f]{64}$', to_text(key)):
        raise AnsibleFilterError('the key of a mark is 64 hexadecimal digits')
    # As the program reads it from standard input.
    token = re.sub(b'\r?\n\\Z', b'', to_bytes(token, nonstring='simplerepr'))
    return hmac.new(bytes.fromhex(to_text(key)), token, hashlib.sha256).hexdigest()


class FilterModule(object):
    def filters(self):
        return {'mark': mark}
