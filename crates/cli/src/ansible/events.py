# Copyright: the pullpass contributors
# MIT or Apache-2.0, at your choice
"""Beside a playbook of pullpass's: tells it what happens, one line of JSON for each event, in a file of this directory's parent."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import json
import os

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = r'''
name: events
type: notification
short_description: Tells pullpass what happens
description: Writes events for the program that has started this run.
'''

EVENTS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'events')


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = 'notification'
    CALLBACK_NAME = 'events'

    def __init__(self, *args, **kwargs):
        super(CallbackModule, self).__init__(*args, **kwargs)
        self.events = open(EVENTS, 'a')

    def tell(self, kind, result):
        task = result._task
        module = result._result.get('invocation', {}).get('module_name') or task.action
        found = self._clean(result._result)
        item = found.pop('item', found.pop('_ansible_item', None))
        line = dict(kind=kind, host=result._host.get_name(), action=module, task=task.get_name(), item=item, result=found)
        self.events.write(json.dumps(line, default=str) + '\n')
        self.events.flush()

    @staticmethod
    def _clean(result):
        kept = dict((key, value) for key, value in result.items() if not key.startswith('_ansible_') or key == '_ansible_item')
        for key in ('invocation', 'diff', 'results', 'exception'):
            kept.pop(key, None)
        return kept

    def v2_playbook_on_task_start(self, task, is_conditional):
        self.events.write(json.dumps(dict(kind='task', host='', action=task.action, task=task.get_name(), result={})) + '\n')
        self.events.flush()

    def v2_runner_on_ok(self, result):
        self.tell('ok', result)

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self.tell('failed', result)

    def v2_runner_on_unreachable(self, result):
        self.tell('unreachable', result)

    def v2_runner_on_skipped(self, result):
        self.tell('skipped', result)

    def v2_runner_item_on_ok(self, result):
        self.tell('item', result)

    def v2_runner_item_on_failed(self, result):
        self.tell('item-failed', result)
