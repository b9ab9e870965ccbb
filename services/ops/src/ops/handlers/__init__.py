"""What ops does when it hears of others' facts."""
