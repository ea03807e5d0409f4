// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title Staking of the token
/// @dev Staked tokens are held by the proxy's own address.
interface IStaking {
    /// @notice `account` put `amount` to its stake.
    event Staked(address indexed account, uint256 amount);
    /// @notice `account` took `amount` from its stake.
    event Unstaked(address indexed account, uint256 amount);

    /// @notice Nothing to stake or unstake.
    error ZeroAmount();
    /// @notice The account has staked less than it wants back.
    error InsufficientStake(address account, uint256 staked, uint256 wanted);

    /// @notice Moves `amount` from the caller's balance to its stake.
    function stake(uint256 amount) external;
    /// @notice Moves `amount` from the caller's stake to its balance. From v2 on it pays the caller's reward too.
    function unstake(uint256 amount) external;
    /// @notice What the account has staked.
    function staked(address account) external view returns (uint256);
    /// @notice When the account's stake last changed (block time), zero if it never had one.
    function stakedSince(address account) external view returns (uint256);
    /// @notice What all accounts have staked.
    function totalStaked() external view returns (uint256);
}
