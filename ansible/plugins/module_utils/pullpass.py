# Copyright: the pullpass contributors
# MIT or Apache-2.0, at your choice
"""What the modules share: they run the host's own `pullpass` and read its JSON."""

import json
import os
import pwd

COMMON = dict(
    engines=dict(type='list', elements='str', choices=['docker', 'podman']),
    config=dict(type='path'),
    authfile=dict(type='path'),
    executable=dict(type='str', default='pullpass'),
)


class Answer(object):
    """How a command ended, and what it said."""

    def __init__(self, rc, out, err):
        self.rc = rc
        self.error = err.strip()
        try:
            self.data = json.loads(out)
        except ValueError:
            self.data = None


class Pullpass(object):
    """The program of this host, for the user that the task runs as."""

    def __init__(self, module):
        self.module = module
        self.path = module.get_bin_path(module.params['executable'], opt_dirs=['/usr/local/bin'])
        settle_environment()
        # All commands know these two; only some have options for them.
        for option, variable in (('config', 'DOCKER_CONFIG'), ('authfile', 'REGISTRY_AUTH_FILE')):
            if module.params[option]:
                os.environ[variable] = module.params[option]

    def require(self):
        if self.path is None:
            self.module.fail_json(msg="`%s` is not on this host: install it, have the role registry_login copy it, or say "
                                      "where it is with `executable`" % self.module.params['executable'])

    def refuse_others(self):
        """A new file of root's in another user's directory could not be read by that one, who is meant to pull."""
        for option in ('config', 'authfile'):
            place = self.module.params[option]
            while place and not os.path.lexists(place):
                place = os.path.dirname(place)
            owner = os.stat(place).st_uid if place and os.path.exists(place) else 0
            if owner not in (0, os.geteuid()):
                self.module.fail_json(msg="`%s` is in a directory of another user, who could not read this login: set "
                                          "`become_user` to %s" % (self.module.params[option], user(owner)))

    def engines(self):
        """The options that choose engines. A file that is named belongs to one of them."""
        params = self.module.params
        named = params['engines']
        if not named:
            of_files = (('config', 'docker'), ('authfile', 'podman'))
            named = [engine for option, engine in of_files if params[option]]
        return ['--' + engine for engine in named]

    def run(self, words, token=None):
        """Runs a command; the token goes over standard input. An empty line instead of none, for which the terminal of
        the connection would be asked."""
        self.require()
        rc, out, err = self.module.run_command(
            [self.path] + words, data=token or '\n', binary_data=True, expand_user_and_vars=False)
        return Answer(rc, out, err)

    def verify(self, images, words, token=None):
        """What became of each image, and the verdicts of those that do not open."""
        answer = self.run(['verify', '--json'] + words + ['--'] + images, token)
        if answer.data is None:
            self.module.fail_json(msg=answer.error or 'pullpass verify gave no answer', rc=answer.rc)
        references = answer.data['references']
        bad = [reference['verdict'] for reference in references if not opens(reference)]
        return answer, references, bad

    def findings(self, image=None):
        """What `pullpass doctor` says is in the way."""
        answer = self.run(['doctor', '--json'] + self.engines() + (['--', image] if image else []))
        found = answer.data['findings'] if answer.data else []
        return [finding for finding in found if finding['blocks']]

    def fail(self, said, image=None, **result):
        """Ends the task with what a command said, and what doctor makes of it."""
        findings = self.findings(image)
        message = [said] + [shown(finding) for finding in findings]
        self.module.fail_json(msg='\n\n'.join(message), findings=findings, **result)


def opens(reference):
    return bool(reference['engines']) and all(engine['will_pull'] for engine in reference['engines'])


def shown(finding):
    """A finding as a person reads it."""
    lines = ['doctor: ' + finding['title']]
    lines += ['  ' + line for line in finding['evidence']]
    for fix in finding['fixes']:
        lines += ['  %s: %s' % ('see' if kind == 'page' else 'fix', text) for kind, text in sorted(fix.items())]
    return '\n'.join(lines)


def settle_environment():
    """Makes HOME and its kin those of the user that the task runs as: what `become` leaves of another's session would lead
    into that one's files."""
    uid = os.geteuid()
    for name in ('HOME', 'XDG_RUNTIME_DIR', 'XDG_CONFIG_HOME', 'XDG_STATE_HOME', 'XDG_DATA_HOME'):
        if name in os.environ and not is_owned(os.environ[name], uid):
            del os.environ[name]
    if 'HOME' not in os.environ:
        try:
            os.environ['HOME'] = pwd.getpwuid(uid).pw_dir
        except KeyError:
            # The program says that there is no home.
            pass
    # A login in the runtime file of the user's session would win over the persistent one. Root's services have no session.
    session = '/run/user/%d' % uid
    if uid != 0 and 'XDG_RUNTIME_DIR' not in os.environ and is_owned(session, uid):
        os.environ['XDG_RUNTIME_DIR'] = session


def account():
    """The user as whom the task runs."""
    return user(os.geteuid())


def user(uid):
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return 'the user %d' % uid


def is_owned(path, uid):
    try:
        return os.stat(path).st_uid == uid
    except OSError:
        # A directory that is not made yet is nobody else's, unless it is in a home that is.
        parent = os.path.dirname(path.rstrip('/'))
        return parent not in ('', '/', path) and is_owned(parent, uid)
