# SPDX-License-Identifier: GPL-2.0-or-later
"""Compares what mhpctl prints with --json with schema.json: keys and their order here, all else by python3-jsonschema if that is installed."""

import json
import pathlib

try:
    import jsonschema
except ImportError:
    jsonschema = None

SCHEMA = json.loads((pathlib.Path(__file__).resolve().parent / "schema.json").read_text())
NAMES = SCHEMA["$defs"]
SEEN = set()


def name_of(args):
    """The schema's name for a command line; None: it asks for no JSON, or for chosen columns only."""
    words = {str(a) for a in args}
    if not words & {"--json", "-J"} or words & {"-o", "--output"}:
        return None
    verb = next((str(a) for a in args if a in NAMES or a == "plan"), "status")
    if verb == "plan":
        return next((f"plan {w}" for w in words if f"plan {w}" in NAMES), None)
    return "list --all" if verb == "list" and words & {"--all", "-a"} else verb


def check_keys(value, schema, where):
    """Keys stand in the order of the schema's properties, none is missing and none is new."""
    if "$ref" in schema:
        schema = NAMES[schema["$ref"].removeprefix("#/$defs/")]
    if isinstance(value, list):
        for i, item in enumerate(value):
            check_keys(item, schema["items"], f"{where}[{i}]")
    if isinstance(value, dict) and "properties" in schema:
        want = [key for key in schema["properties"] if key in schema["required"] or key in value]
        if list(value) != want:
            raise AssertionError(f"{where}: keys: got {list(value)}, wanted {want}")
        for key, item in value.items():
            check_keys(item, schema["properties"][key], f"{where}.{key}")


def check(name, value):
    if name == "monitor" and value["event"] == "settled":
        name = "monitor settled"
    SEEN.add(name)
    check_keys(value, NAMES[name], name)
    if jsonschema:
        jsonschema.Draft202012Validator({"$ref": f"#/$defs/{name}", **SCHEMA}).validate(value)


def check_output(args, text):
    """What a command line printed; of an error there is nothing, and half a million rows take too long to look at."""
    name = name_of(args)
    if name and text and len(text) < 1 << 20:
        for document in text.splitlines() if name == "monitor" else [text]:
            check(name, json.loads(document))
