set -e
pk up --detach --ephemeral --topic orders:3 --topic bills > up.txt
trap 'pk down > down.txt' EXIT
export PK_BOOTSTRAP_SERVER=$(sed -n 's/^Broker 0 listens on //p' up.txt)
printf 'tea\nbread\n' | pk console-producer --topic orders
python billing.py "$PK_BOOTSTRAP_SERVER" orders bills 2
pk expect bills --count 2 --value-matches '^bill for ' --exactly --within 30s
