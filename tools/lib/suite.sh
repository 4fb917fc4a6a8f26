# A private view of another Debian suite: sourced, never run. Nothing of it is installed; the system's apt stays as it is.
# shellcheck shell=bash

# suite FOLDER SUITE COMMAND...: runs an apt command that sees only SUITE, with its lists and cache under FOLDER.
suite() {
    local folder=$1/$2 name=$2 keyring=/usr/share/keyrings/debian-archive-keyring.gpg mirror
    shift 2
    export APT_CONFIG=$folder/apt.conf
    if [[ ! -e $folder/ready ]]; then
        mirror=$(sed -n 's/^URIs: *//p' /etc/apt/sources.list.d/debian.sources 2>/dev/null | head -n 1)
        # The older form of the list: deb [options] URI SUITE ...
        mirror=${mirror:-$(sed -nE 's/^deb +(\[[^]]*\] +)?(https?:[^ ]+).*/\2/p' /etc/apt/sources.list 2>/dev/null | head -n 1)}
        if [[ -z $mirror ]]; then
            echo "no Debian mirror is named in /etc/apt: add one" >&2
            return 1
        fi
        case $name in *-security) mirror=${mirror%/}-security ;; esac
        mkdir -p "$folder/lists/partial" "$folder/cache/archives/partial"
        echo "deb [signed-by=$keyring] $mirror $name main" >"$folder/sources.list"
        {
            echo "Dir::Etc::SourceList \"$folder/sources.list\";"
            echo "Dir::Etc::SourceParts \"-\";"
            echo "Dir::State::Lists \"$folder/lists\";"
            echo "Dir::Cache \"$folder/cache\";"
            echo "APT::Sandbox::User \"root\";"
        } >"$folder/apt.conf"
        apt-get -qq update || return
        touch "$folder/ready"
    fi
    "$@"
}

# unpack FOLDER SUITE TARGET PACKAGE...: downloads packages of a suite and unpacks their files into TARGET.
unpack() {
    local folder=$1 name=$2 target=$3 packages
    shift 3
    packages=$(mktemp -d)
    if ! (cd "$packages" && suite "$folder" "$name" apt-get -qq download "$@"); then
        rm -rf "$packages"
        return 1
    fi
    mkdir -p "$target"
    for package in "$packages"/*.deb; do dpkg-deb -x "$package" "$target" || return; done
    rm -rf "$packages"
}
