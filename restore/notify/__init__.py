"""Tells people what a restore does: Slack, PagerDuty, SNS. A message never stops or slows a restore."""
