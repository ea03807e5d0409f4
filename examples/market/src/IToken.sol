// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title The token of the market: ERC-20, with a claim that hands it out
/// @dev Errors are those of ERC-6093.
interface IToken {
    /// @notice `value` went from `from` to `to`; the zero address stands for a mint or a burn.
    event Transfer(address indexed from, address indexed to, uint256 value);
    /// @notice `spender` may spend `value` of `owner`.
    event Approval(address indexed owner, address indexed spender, uint256 value);

    error ERC20InsufficientBalance(address sender, uint256 balance, uint256 needed);
    error ERC20InsufficientAllowance(address spender, uint256 allowance, uint256 needed);
    error ERC20InvalidReceiver(address receiver);
    error ERC20InvalidSpender(address spender);
    /// @notice The account has claimed before.
    error AlreadyClaimed(address account);

    function name() external pure returns (string memory);
    function symbol() external pure returns (string memory);
    function decimals() external pure returns (uint8);
    function totalSupply() external view returns (uint256);
    function balanceOf(address account) external view returns (uint256);
    function allowance(address owner, address spender) external view returns (uint256);
    function transfer(address to, uint256 value) external returns (bool);
    function approve(address spender, uint256 value) external returns (bool);
    /// @notice An allowance of type(uint256).max is never used up.
    function transferFrom(address from, address to, uint256 value) external returns (bool);

    /// @notice Mints `claimAmount` to the caller, once per account.
    function claim() external;
    /// @notice Whether the account has claimed.
    function claimed(address account) external view returns (bool);
    /// @notice What one claim gives.
    function claimAmount() external view returns (uint256);
}
