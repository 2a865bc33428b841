"""Say in a few lines what pip-audit found: describe_audit.py REPORT.json."""

import json
import sys
from pathlib import Path

parts = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))["dependencies"]
unknown = [part for part in parts if "skip_reason" in part]
found = [(part, finding) for part in parts for finding in part.get("vulns", [])]
print(f"Advisories were looked up for {len(parts) - len(unknown)} of {len(parts)} pinned packages: {len(found)} found.")
if unknown:
    print(f"Not looked up: {', '.join(part['name'] for part in unknown[:5])}{', ...' if len(unknown) > 5 else ''}")
    print("(the database at pypi.org does not know them, or cannot be reached from here)")
for part, finding in found:
    print(
        f"{part['name']} {part['version']}: {finding['id']}, mended in {', '.join(finding['fix_versions']) or 'none'}"
    )
