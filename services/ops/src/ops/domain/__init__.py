"""What the company means by projects, tasks, costs and hours: pure, without I/O."""
