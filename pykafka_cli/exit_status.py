"""Every status that `pk` can leave with."""

from enum import IntEnum


class ExitStatus(IntEnum):
    """As the kafka-*.sh scripts: 0 or 1, and the signal's own number after an interruption."""

    SUCCESS = 0
    FAILURE = 1
    USAGE = 2  # a wrong command line, of commands that Kafka does not have
    CHANGES = 2  # of `pk apply --detailed-exitcode`, as with Terraform and Puppet
    NOT_EXECUTABLE = 126  # of a command that pk was to run
    NOT_FOUND = 127
    HUNG_UP = 129  # 128 + SIGHUP
    INTERRUPTED = 130  # 128 + SIGINT
    TERMINATED = 143  # 128 + SIGTERM
