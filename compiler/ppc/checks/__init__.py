"""The checks: each looks at what `resolve` found and adds its faults to the file's list. Order does not matter."""
