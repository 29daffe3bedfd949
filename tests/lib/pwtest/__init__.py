"""What the black-box tests of pw-stream share: running the tool, making images, writing and reading every format."""
