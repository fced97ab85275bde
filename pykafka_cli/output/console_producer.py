"""kafka-console-producer.sh: its prompt. Failures are in the log's form: see console/log_lines.py."""


def print_prompt(prompt: str) -> None:
    print(prompt, end="", flush=True)
