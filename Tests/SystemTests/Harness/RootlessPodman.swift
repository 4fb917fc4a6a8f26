import Foundation

/// A container of Podman that an unprivileged user started, as on a host with cgroup2 alone and without systemd.
///
/// It makes a user for the test, and removes it.
struct RootlessPodman {
    /// The user's number.
    let user: UInt32

    init(_ name: String, _ arguments: [String], in scratch: Scratch) throws {
        let login = "martlet\(UInt16.random(in: .min ... .max))"
        try Command.check(["useradd", "--create-home", login])
        scratch.atEnd { _ = try? Command.run(["userdel", "--remove", login]) }
        guard let user = UInt32(try Command.check(["id", "-u", login])) else { throw Failure("no such user") }
        self.user = user
        let slice = "/user.slice/user-\(user).slice"
        Cgroup.removeAtEnd(slice, in: scratch)
        let runtime = "/run/user/\(user)"
        scratch.atEnd { _ = try? Command.run(["rm", "-rf", "--one-file-system", runtime]) }
        let image = "/home/\(login)/image.tar"
        try Command.check(["install", "-m", "0644", Rootfs.archive(in: scratch), image])
        try scratch.write(
            """
            set -e
            umount -l /sys/fs/cgroup
            mount -t cgroup2 none /sys/fs/cgroup
            slice=/sys/fs/cgroup\(slice)
            home=$slice/user@\(user).service/user.slice
            mkdir -p $home/run \(runtime)
            chown -R \(login) $slice/user@\(user).service \(runtime)
            echo $$ > $home/run/cgroup.procs
            cd /home/\(login)
            exec setpriv --reuid \(login) --regid \(login) --init-groups \\
                env HOME=/home/\(login) TMPDIR=/home/\(login) XDG_RUNTIME_DIR=\(runtime) /bin/sh -c '
            p="podman --cgroup-manager=cgroupfs --runtime runc --storage-driver vfs --events-backend=file"
            $p import \(image) localhost/bb:1 && shift && exec $p run -d --name \(name) --ulimit nofile=1024:1024 \\
                --ulimit nproc=1024:1024 --pull never --network none --log-driver none localhost/bb:1 "$@"' sh run "$@"

            """, to: "rootless.sh")
        // Its files belong to numbers of the user's own: they go while the user is there.
        try Command.check(
            ["unshare", "--mount", "--propagation", "private", "/bin/sh", scratch.file("rootless.sh")] + arguments)
    }
}
