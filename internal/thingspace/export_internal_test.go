package thingspace

// Waiting is how many calls wait for their place in the rate limit.
func (c *Client) Waiting() int {
	c.pace.mu.Lock()
	defer c.pace.mu.Unlock()
	return c.pace.waiting.Len()
}
