# Makes a root of layers and a network out of new namespaces, and starts the services.
# $1 has the layers, $2 is the name, $3 the address, $4 the network of the others, $5 says whether there is a Docker Engine.
set -e
# As the others count: /proc is still theirs.
read -r pid _ </proc/self/stat
echo "$2" >/proc/sys/kernel/hostname

network=$4
outside() { nsenter --net="$network" ip "$@"; }
# The kernel ends that of the time before when it likes.
outside link delete "$2" 2>/dev/null || :
ip link set lo up
ip link add eth0 type veth peer name "$2" netns "$network"
outside address add 203.0.113.1 peer "$3" dev "$2"
outside link set "$2" up
ip address add "$3" peer 203.0.113.1 dev eth0
ip link set eth0 up
ip route add default via 203.0.113.1

disk=$1/$2
cd "$disk/root"
mount -t overlay -o "lowerdir=$1/base:/,upperdir=$disk/layer,workdir=$disk/work" overlay .
cd "$disk/root"
mount -t proc proc proc
mount --rbind /sys sys
mount --rbind /dev dev
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs -o mode=1777 tmpfs tmp
# Podman keeps locks in it.
mount -t tmpfs -o mode=1777 tmpfs dev/shm
mkdir run/lock run/old run/sshd run/user
install -d -m 700 -o 47000 -g 47000 run/user/47000
install -d -m 700 -o 47001 -g 47001 run/user/47001
pivot_root . run/old
cd /
umount -l /run/old
rmdir /run/old
# `sudo` looks for the host's own name, and would wait for a name server.
grep -q " $2\$" /etc/hosts || echo "127.0.1.1 $2" >>/etc/hosts

exec 3<&0 </dev/null
/usr/sbin/sshd -D -E /var/log/sshd.log &
until [ -e /run/sshd.pid ]; do sleep 0.01; done
if [ "$5" = true ]; then
  dockerd >/var/log/dockerd.log 2>&1 &
  until [ -e /run/docker.sock ]; do sleep 0.01; done
fi
echo "$pid"
exec >/dev/null 2>&1
# `cat` ends with the test, and the host with this shell. `wait` takes in whatever process lost its parent.
cat <&3 &
wait $!
