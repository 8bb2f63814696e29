"""An endpoint of Amazon SES v2's wire format for the laptop stack, the demo and the tests.

boto3's `sesv2` client talks to it unchanged. It imports nothing of Tuvi: its record is what
Tuvi is checked against.
"""
