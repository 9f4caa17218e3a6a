# Copyright: the pullpass contributors
# MIT or Apache-2.0, at your choice
"""The options that all modules have; `module_utils/pullpass.py` has their types."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type


class ModuleDocFragment(object):
    DOCUMENTATION = r'''
options:
  engines:
    description: Whose stores; both without it.
    type: list
    elements: str
    choices: [docker, podman]
  config:
    description: Docker's directory of configuration, as C(DOCKER_CONFIG) names it.
    type: path
  authfile:
    description: Podman's file for logins, as C(REGISTRY_AUTH_FILE) names it.
    type: path
  executable:
    description: The name or path of the program C(pullpass) on the host.
    type: str
    default: pullpass
'''
