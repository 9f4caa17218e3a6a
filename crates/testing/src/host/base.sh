# The layer that all hosts of a network share, over this machine's files.
# $1 is where it will be, $2 the operator's public key, $3 and $4 a variable and its value for every session.
set -e
mount -t tmpfs -o mode=755 pullpass-test "$1"
mkdir "$1/base"
cd "$1/base"
mkdir etc
cp -a /etc/. etc

cat >etc/passwd <<END
root:x:0:0::/root:/bin/sh
sshd:x:100:65534::/run/sshd:/usr/sbin/nologin
ops:x:47000:47000::/home/ops:/bin/sh
deploy:x:47001:47001::/home/deploy:/bin/sh
END
printf '%s\n' root:x:0: nogroup:x:65534: ops:x:47000: deploy:x:47001: >etc/group
sed 's/:.*/:*:19000:0:99999:7:::/' etc/passwd >etc/shadow
echo deploy:200000:65536 | tee etc/subuid >etc/subgid

install -d -m 700 root home/deploy home/ops home/ops/.ssh
install -d -m 1777 var/tmp
mkdir -p opt srv var/log var/lib/containerd var/lib/containers var/lib/docker
echo "$2" >home/ops/.ssh/authorized_keys
chown -R 47000:47000 home/ops
chown -R 47001:47001 home/deploy

cat >etc/ssh/sshd_config <<END
HostKey /etc/ssh/ssh_host_ed25519_key
AllowUsers ops
PasswordAuthentication no
UsePAM no
UseDNS no
Subsystem sftp internal-sftp
SetEnv $3=$4
END
cat >etc/sudoers <<END
Defaults env_keep += $3
root ALL=(ALL:ALL) ALL
ops ALL=(ALL:ALL) NOPASSWD: ALL
END
chmod 440 etc/sudoers
# Whatever this machine's modules would ask.
printf '%s required pam_permit.so\n' auth account session >etc/pam.d/sudo

# None of this takes a module of the kernel, see `engines`.
mkdir -p etc/containers etc/docker
cat >etc/containers/storage.conf <<END
[storage]
driver = "vfs"
runroot = "/run/containers/storage"
graphroot = "/var/lib/containers/storage"
END
echo '{"default":[{"type":"insecureAcceptAnything"}]}' >etc/containers/policy.json
echo '{"storage-driver":"vfs","bridge":"none","iptables":false,"ip6tables":false}' >etc/docker/daemon.json
